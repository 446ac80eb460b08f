import Foundation
import PackagePlugin

/// Compiles the program that runs in the kernel with the toolchain's own clang, and makes a Swift source of it.
@main struct CompileCarry: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let program = target.directoryURL.appending(path: "Program")
        let source = program.appending(path: "carry.bpf.c")
        let headers = target.directoryURL.deletingLastPathComponent().appending(path: "CLinux/include")
        let object = context.pluginWorkDirectoryURL.appending(path: "carry.bpf.o")
        let embedded = context.pluginWorkDirectoryURL.appending(path: "CarryProgramDigits.swift")
        let options = ["-target", "bpf", "-O2", "-g", "-ffreestanding", "-Wall", "-Wextra", "-Werror"]
        // Debian keeps the kernel's headers for a processor in a folder of its own.
        let folders = [headers.path, "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"].flatMap { ["-I", $0] }
        let clang = [try context.tool(named: "clang").url.path] + options + folders + ["-c", source.path, "-o", object.path]
        return [
            .buildCommand(
                displayName: "Compiling carry.bpf.c for the kernel", executable: try context.tool(named: "embed").url,
                arguments: [embedded.path, object.path] + clang,
                inputFiles: [source, headers.appending(path: "carrying.h")] + ["packets.h", "rules.h"].map { program.appending(path: $0) },
                outputFiles: [embedded])
        ]
    }
}
