internal import Glibc

/// Ends the process with status 2 and a sentence: without its memory nothing can go on, and nobody is helped by a trap.
@usableFromInline
func endWithoutMemory(for bytes: Int) -> Never {
    let amount = bytes >= 10 << 20 ? "\(bytes >> 20) MB" : "\(bytes) bytes"
    let words = Array("svs: no memory for \(amount) more: ulimit -v, a control group's limit or the machine's memory is used up\n".utf8)
    _ = unsafe words.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    _exit(2)
}
