import LVS
import Wire

/// Something that options say about a service or a server, described once for everybody who reads, carries, shows, saves,
/// keeps or explains it.
struct Setting<Owner: Sendable>: Sendable {
    /// The options that say it: one with a value, or several flags.
    let options: [GrammarOption]
    /// The words that save it, a blank before each; empty when there is nothing to say.
    var saved: @Sendable (Owner, IPFamily) -> String = { _, _ in "" }
    /// What a listing shows of it behind the service or server, a blank before each word.
    var listed: @Sendable (Owner, IPFamily) -> String = { _, _ in "" }
    /// How the control interface carries what the kernel does not know; `nil` for what the kernel's own attributes carry.
    var own: OwnAttribute<Owner>?
}

/// An attribute of SVS alone. It is always written: a client that leaves it out does not know it.
struct OwnAttribute<Owner: Sendable>: Sendable {
    /// From 0x100 on, see `ControlConstants`.
    let number: UInt16
    /// The option's name when something is said that the kernel does not have.
    let said: @Sendable (Owner) -> String?
    /// Whether an attribute holds it.
    let fits: @Sendable (Owner) -> Bool
    let write: @Sendable (Owner, inout AttributeWriter) -> Void
    /// Reads the attribute, which is there.
    let read: @Sendable (NetlinkAttributes, inout Owner) throws(CommandError) -> Void
    /// Takes what an edit does not name from the settings in force, which come first.
    let keep: @Sendable (Owner, inout Owner) -> Void
}

/// What a descriptor needs to know of the kind of thing that it describes.
protocol OptionOwner: Sendable {
    /// What it is as long as nothing is said.
    static var standard: Self { get }
    static var group: GrammarOption.Group { get }
    /// The commands that describe it: those to add and to edit.
    static var legality: StaticString { get }
    /// Where a line keeps it while it is read.
    static var place: any WritableKeyPath<Entry, Self> & Sendable { get }
    /// What ipvsadm says too, in the order in which it is saved.
    static var kernelSettings: [Setting<Self>] { get }
    /// What SVS alone says, in the order in which it is carried, listed and saved.
    static var ownSettings: [Setting<Self>] { get }
}

extension OptionOwner {
    /// Everything that SVS's own attributes carry.
    static var ownAttributes: [OwnAttribute<Self>] { ownSettings.compactMap(\.own) }
}

extension Setting where Owner: OptionOwner {
    /// An option of SVS alone with a value: `--NAME VALUE`.
    static func own<Value>(
        _ name: String, _ field: any WritableKeyPath<Owner, Value> & Sendable, _ value: OptionValue<Value>,
        attribute: UInt16, help: String
    ) -> Setting {
        let standard = Owner.standard[keyPath: field], place = Owner.place
        let form = GrammarOption.Form(name, nil, .required(value.placeholder), isOwn: true, help: help) {
            (entry, text) throws(UsageError) in
            let word = text ?? ""
            guard let read = value.parse(word) else { throw UsageError(value.refusal(name, word)) }
            let before = entry[keyPath: place][keyPath: field]
            entry[keyPath: place][keyPath: field] = value.joined?(before, read) ?? read
        }
        let option = GrammarOption(
            name, Owner.group, Owner.legality, examples: value.examples.map { "--\(name) \($0)" },
            repeats: value.joined != nil, [form])
        let said: @Sendable (Owner) -> String? = { $0[keyPath: field] == standard ? nil : name }
        let own = OwnAttribute<Owner>(number: attribute, said: said, fits: { value.fits($0[keyPath: field]) }) { owner, out in
            value.write(owner[keyPath: field], attribute, &out)
        } read: { (attributes, owner) throws(CommandError) in
            owner[keyPath: field] = try NetlinkCodec.need(value.read(attributes, attribute))
        } keep: {
            $1[keyPath: field] = $0[keyPath: field]
        }
        return Setting(
            options: [option], saved: { owner, _ in said(owner).map { " --\($0) \(value.text(owner[keyPath: field]))" } ?? "" },
            listed: { owner, _ in said(owner).map { " \($0) \(value.text(owner[keyPath: field]))" } ?? "" }, own: own)
    }

    /// Flags of SVS alone, of which at most one is said: `--NAME`. Carried as one byte, the code of the flag that is said, or
    /// that of the standard value.
    static func own<Value: Equatable & Sendable>(
        _ field: any WritableKeyPath<Owner, Value> & Sendable, attribute: UInt16, standardCode: UInt8 = 0,
        flags: [(name: String, value: Value, code: UInt8, help: String)]
    ) -> Setting {
        let standard = Owner.standard[keyPath: field], place = Owner.place
        let options = flags.map { name, value, _, help in
            GrammarOption(
                name, Owner.group, Owner.legality, examples: ["--" + name], rivals: flags.map(\.name).filter { $0 != name },
                [
                    .init(name, isOwn: true, help: help) { (entry, _) throws(UsageError) in entry[keyPath: place][keyPath: field] = value }
                ])
        }
        let said: @Sendable (Owner) -> String? = { owner in flags.first { $0.value == owner[keyPath: field] }?.name }
        let own = OwnAttribute<Owner>(number: attribute, said: said, fits: { _ in true }) { owner, out in
            out.put(attribute, u8: flags.first { $0.value == owner[keyPath: field] }?.code ?? standardCode)
        } read: { (attributes, owner) throws(CommandError) in
            let code = try NetlinkCodec.need(attributes.u8(attribute))
            owner[keyPath: field] = try code == standardCode ? standard : NetlinkCodec.need(flags.first { $0.code == code }?.value)
        } keep: {
            $1[keyPath: field] = $0[keyPath: field]
        }
        return Setting(
            options: options, saved: { owner, _ in said(owner).map { " --" + $0 } ?? "" },
            listed: { owner, _ in said(owner).map { " " + $0 } ?? "" }, own: own)
    }
}
