// swift-tools-version: 6.2
import PackageDescription

// What speaks with C and what reads every frame, with their tests: the part of the project that a sanitizer tries within minutes.
// `run` tries all of it.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "sanitizers",
    dependencies: [.package(url: "https://github.com/apple/swift-system", from: "1.8.1")],
    targets: [
        .target(name: "CLinux", path: "product/CLinux"),
        .systemLibrary(name: "Clibpcap", path: "product/Clibpcap", pkgConfig: "libpcap"),
        .systemLibrary(name: "Clibseccomp", path: "product/Clibseccomp", pkgConfig: "libseccomp"),
        .target(name: "Linux", dependencies: ["CLinux", "Clibseccomp", system], path: "product/Linux", swiftSettings: settings),
        .target(name: "Wire", dependencies: ["CLinux"], path: "product/Wire", swiftSettings: settings),
        .target(name: "Decap", dependencies: ["Wire"], path: "product/Decap", swiftSettings: settings),
        .target(
            name: "Links", dependencies: ["Wire", "CLinux", "Clibpcap", "Linux", system], path: "product/Links", swiftSettings: settings),
        .target(name: "LinkKit", dependencies: ["Links", "Wire"], path: "LinkKit", swiftSettings: settings),
        .target(name: "FaultyCalls", path: "FaultyCalls"),
        .target(name: "PacketKit", dependencies: ["Wire"], path: "PacketKit", swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Wire", "PacketKit"], path: "WireTests", swiftSettings: settings),
        .testTarget(name: "DecapTests", dependencies: ["Decap", "Wire", "PacketKit"], path: "DecapTests", swiftSettings: settings),
        .testTarget(
            name: "LinksTests", dependencies: ["Links", "FaultyCalls", "LinkKit", "Wire", "PacketKit", "CLinux"], path: "LinksTests",
            swiftSettings: settings),
    ]
)
