// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

/// A library of the director, from the same sources, compiled for the fuzzer.
func library(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .target(name: name, dependencies: dependencies, path: "product/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-system", from: "1.8.1")],
    targets: [
        .target(name: "CLinux", path: "product/CLinux"),
        .systemLibrary(name: "Clibpcap", path: "product/Clibpcap", pkgConfig: "libpcap"),
        .systemLibrary(name: "Clibnl", path: "product/Clibnl", pkgConfig: "libnl-route-3.0"),
        .systemLibrary(name: "Clibnftables", path: "product/Clibnftables", pkgConfig: "libnftables"),
        .systemLibrary(name: "Clibseccomp", path: "product/Clibseccomp", pkgConfig: "libseccomp"),
        library("Linux", "CLinux", "Clibseccomp", system),
        library("Wire", "CLinux"),
        library("LVS", "Wire"),
        library("Decap", "Wire"),
        library("Links", "Wire", "CLinux", "Clibpcap", "Linux", system),
        library("Admin", "LVS", "Wire", "CLinux", "Linux", system),
        library("Host", "LVS", "Wire", "CLinux", "Linux", "Clibnl", "Clibnftables", system),
        .plugin(name: "CompileCarry", capability: .buildTool(), dependencies: ["embed"], path: "plugins/CompileCarry"),
        .executableTarget(name: "embed", path: "plugins/embed", swiftSettings: settings),
        .target(name: "CCarrying", path: "product/CCarrying", linkerSettings: [.linkedLibrary("bpf")]),
        .target(
            name: "Carrying", dependencies: ["LVS", "Links", "Host", "Wire", "CLinux", "Linux", "CCarrying", system],
            path: "product/Carrying",
            exclude: ["Program"], swiftSettings: settings, plugins: ["CompileCarry"]),
        library("Replay", "Admin", "LVS", "Links", "Linux", "Wire", system),
        library("Runtime", "Admin", "Carrying", "Decap", "Host", "LVS", "Links", "Linux", "Replay", "Wire", "CLinux", system),
        library("Keeper", "Admin", "Carrying", "Host", "LVS", "Links", "Linux", "Runtime", "Wire", "CLinux", system),
        .target(name: "Pages", path: "Pages"),
        .target(name: "PacketKit", dependencies: ["Wire"], path: "PacketKit", swiftSettings: settings),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "Admin", "Decap", "Host", "Keeper", "LVS", "Links", "PacketKit", "Pages", "Replay", "Runtime", "Wire", "CLinux",
            ],
            path: "Targets", swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]),
    ]
)
