import Glibc

// embed OBJECT SOURCE: writes a file as hexadecimal digits into a Swift source.

let words = CommandLine.arguments
guard words.count == 3, let object = fopen(words[1], "rb"), let source = fopen(words[2], "w") else {
    perror("embed OBJECT SOURCE")
    exit(2)
}
let digits = Array("0123456789abcdef")
var text = ""
while case let byte = getc(object), byte != EOF { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
fputs("/// `carry.bpf.c` compiled: an ELF object, in hexadecimal digits.\nlet carryProgramDigits = \"\(text)\"\n", source)
guard ferror(object) == 0, fclose(source) == 0 else {
    perror(words[2])
    exit(1)
}
