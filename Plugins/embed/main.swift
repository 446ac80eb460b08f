import Glibc

// embed SOURCE OBJECT COMMAND WORD...: runs the command, which makes OBJECT, and writes that as hexadecimal digits into the Swift file
// SOURCE. One step, because an object that the build hears of would be taken for a resource.

func fail(_ what: String) -> Never {
    perror("embed: \(what)")
    exit(1)
}

let words = CommandLine.arguments
guard words.count > 3 else {
    print("embed SOURCE OBJECT COMMAND WORD...")
    exit(2)
}

var child: pid_t = 0, status: Int32 = 0
var command: [UnsafeMutablePointer<CChar>?] = words[3...].map { strdup($0) } + [nil]
errno = posix_spawn(&child, words[3], nil, nil, &command, environ)
guard errno == 0, waitpid(child, &status, 0) == child else { fail(words[3]) }
guard status == 0 else { exit(1) }

guard let object = fopen(words[2], "rb") else { fail(words[2]) }
let digits = Array("0123456789abcdef")
var text = ""
while case let byte = getc(object), byte != EOF { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
guard ferror(object) == 0 else { fail(words[2]) }

guard let source = fopen(words[1], "w") else { fail(words[1]) }
fputs("/// `carry.bpf.c` compiled: an ELF object, in hexadecimal digits.\nlet carryProgramDigits = \"\(text)\"\n", source)
guard fclose(source) == 0 else { fail(words[1]) }
