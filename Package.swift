// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
/// Where no line speaks with C but the slab's: what is unsafe says so (docs/internals/state.md).
let strictSettings = settings + [.strictMemorySafety()]
let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "swift-virtual-server",
    products: [
        .executable(name: "svs", targets: ["svs"]),
        .executable(name: "svs-bench", targets: ["svs-bench"]),
        .library(name: "svs-ipvs", type: .dynamic, targets: ["svs-ipvs"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // ground
        .target(name: "CLinux", cSettings: cSettings),
        .systemLibrary(name: "Clibpcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
        .systemLibrary(name: "Clibnl", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-route-3-dev"])]),
        .systemLibrary(name: "Clibnftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
        .systemLibrary(name: "Clibseccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CCarrying", cSettings: cSettings, linkerSettings: [.linkedLibrary("bpf")]),
        .target(name: "Linux", dependencies: ["CLinux", "Clibseccomp", system], swiftSettings: settings),
        // floor 1
        .target(name: "Wire", dependencies: ["CLinux"], swiftSettings: strictSettings),
        // floor 2
        .target(name: "LVS", dependencies: ["Wire"], swiftSettings: strictSettings),
        .target(name: "Decap", dependencies: ["Wire"], swiftSettings: strictSettings),
        .target(name: "Links", dependencies: ["Wire", "CLinux", "Clibpcap", "Linux", system], swiftSettings: settings),
        // floor 3
        .target(name: "Admin", dependencies: ["LVS", "Wire", "CLinux", "Linux", system], swiftSettings: settings),
        .target(
            name: "Host", dependencies: ["LVS", "Wire", "CLinux", "Linux", "Clibnl", "Clibnftables", system],
            swiftSettings: settings),
        .plugin(name: "CompileCarry", capability: .buildTool(), dependencies: ["embed"]),
        .executableTarget(name: "embed", path: "Plugins/embed", swiftSettings: settings),
        .target(
            name: "Carrying", dependencies: ["LVS", "Links", "Host", "Wire", "CLinux", "Linux", "CCarrying", system], exclude: ["Program"],
            swiftSettings: settings, plugins: ["CompileCarry"]),
        .target(name: "Replay", dependencies: ["Admin", "LVS", "Links", "Linux", "Wire", system], swiftSettings: settings),
        // floor 4
        .target(
            name: "Runtime",
            dependencies: ["Admin", "Carrying", "Decap", "Host", "LVS", "Links", "Linux", "Replay", "Wire", "CLinux", system],
            swiftSettings: settings),
        .target(
            name: "Keeper", dependencies: ["Admin", "Carrying", "Host", "LVS", "Links", "Linux", "Runtime", "Wire", "CLinux", system],
            swiftSettings: settings),
        .target(
            name: "Web",
            dependencies: ["Admin", "LVS", "Linux", "Wire", "CLinux", system, .product(name: "FlyingSocks", package: "FlyingFox")],
            swiftSettings: settings),
        // doors
        .executableTarget(
            name: "svs",
            dependencies: [
                "Admin", "Decap", "Host", "Keeper", "LVS", "Links", "Linux", "Replay", "Runtime", "Web", "Wire", "CLinux", system,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(name: "CBench", cSettings: cSettings + [.unsafeFlags(["-O2"])]),
        .executableTarget(
            name: "svs-bench",
            dependencies: ["LVS", "Links", "Wire", "CBench", "CLinux", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings),
        .target(name: "svs-ipvs", cSettings: cSettings),
        // tests
        .target(name: "LinkKit", dependencies: ["Links", "Wire"], path: "Tests/LinkKit", swiftSettings: settings),
        .target(name: "PacketKit", dependencies: ["Wire"], path: "Tests/PacketKit", swiftSettings: settings),
        .target(name: "FaultyCalls", path: "Tests/FaultyCalls", cSettings: cSettings),
        .target(name: "Attempts", path: "Tests/RightsProbe/Attempts", cSettings: cSettings),
        .executableTarget(
            name: "rights-probe", dependencies: ["Attempts", "CLinux", "Linux", "Links", "Wire", system], path: "Tests/RightsProbe/Program",
            swiftSettings: settings),
        .target(name: "CarryTrial", path: "Tests/CarryTrial", cSettings: cSettings, linkerSettings: [.linkedLibrary("bpf")]),
        .testTarget(
            name: "CarryingTests", dependencies: ["Carrying", "CarryTrial", "LVS", "Links", "Linux", "Wire", "PacketKit", "CLinux"],
            swiftSettings: settings),
        .testTarget(name: "LinuxTests", dependencies: ["Linux", "CLinux"], swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Wire", "PacketKit"], swiftSettings: settings),
        .testTarget(name: "LVSTests", dependencies: ["LVS", "Wire", "PacketKit", "CLinux"], swiftSettings: settings),
        .testTarget(name: "DecapTests", dependencies: ["Decap", "Wire", "PacketKit"], swiftSettings: settings),
        .testTarget(
            name: "LinksTests", dependencies: ["Links", "FaultyCalls", "LinkKit", "Wire", "PacketKit", "CLinux"], swiftSettings: settings),
        .testTarget(
            name: "ReplayTests", dependencies: ["Replay", "LVS", "Wire", "Admin", "Links", "PacketKit"], exclude: ["Cases"],
            swiftSettings: settings),
        .testTarget(name: "HostTests", dependencies: ["Host", "FaultyCalls", "LVS", "Links", "Wire", "CLinux"], swiftSettings: settings),
        .testTarget(
            name: "RuntimeTests",
            dependencies: [
                "Runtime", "Admin", "Decap", "FaultyCalls", "Host", "LVS", "LinkKit", "Links", "Linux", "Replay", "Wire", "CLinux",
                "PacketKit",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "KeeperTests", dependencies: ["Keeper", "Admin", "CLinux", "Host", "LVS", "Linux", "Runtime", "Wire"],
            swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: ["Web", "Admin", "LVS", "Wire", .product(name: "FlyingSocks", package: "FlyingFox")], swiftSettings: settings),
        .testTarget(
            name: "AdminTests", dependencies: ["Admin", "LVS", "Wire", "CLinux"], exclude: ["Transcripts", "Rulesets"],
            swiftSettings: settings),
    ]
)
