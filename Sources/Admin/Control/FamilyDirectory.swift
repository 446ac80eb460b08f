/// What the kernel's generic netlink controller would say about family `IPVS`: clients ask for its number first.
enum FamilyDirectory {
    private static var getFamily: UInt8 { 3 }

    /// Answers CTRL_CMD_GETFAMILY by name, by number or as a dump; ENOENT for another family, EOPNOTSUPP for another command.
    static func answer(_ request: NetlinkMessage, _ body: GenericMessage) -> ControlAnswer {
        guard let attributes = NetlinkAttributes(body.attributes) else { return refuse(request, 22) }
        guard body.command == getFamily else { return refuse(request, 95) }
        if request.isDump { return ControlAnswer(dump: CollectionOfOne(family), to: request) }
        if let name = attributes.string(2) {
            guard name == ControlConstants.familyName else { return refuse(request, 2) }
        } else {
            guard let number = attributes.u16(1) else { return refuse(request, 22) }
            guard number == ControlConstants.family else { return refuse(request, 2) }
        }
        return ControlAnswer(reply: family, to: request)
    }

    private static func refuse(_ request: NetlinkMessage, _ errno: Int32) -> ControlAnswer {
        ControlAnswer(.answer(errno: errno, to: request))
    }

    /// CTRL_CMD_NEWFAMILY: name 2, id 1, version 3, header size 4, greatest attribute 5, commands 6.
    private static var family: GenericMessage {
        var out = AttributeWriter()
        out.put(2, string: ControlConstants.familyName)
        out.put(1, u16: ControlConstants.family)
        out.put(3, u32: ControlConstants.familyVersion)
        out.put(4, u32: 0)
        out.put(5, u32: 6)
        out.nest(6) { commands in
            for (place, verb) in (ControlConstants.Verb.newService...ControlConstants.Verb.flush).enumerated() {
                commands.nest(UInt16(place + 1)) {
                    $0.put(1, u32: UInt32(verb))
                    $0.put(2, u32: flags(of: verb))
                }
            }
        }
        return GenericMessage(command: 1, version: 2, attributes: out.bytes)
    }

    /// GENL_ADMIN_PERM 1, GENL_CMD_CAP_DO 2, GENL_CMD_CAP_DUMP 4, GENL_CMD_CAP_HASPOL 8.
    private static func flags(of verb: UInt8) -> UInt32 {
        switch verb {
        case ControlConstants.Verb.getService: 0xf
        case ControlConstants.Verb.getServer: 0xd
        case ControlConstants.Verb.getDaemon: 0x5
        case ControlConstants.Verb.getInfo, ControlConstants.Verb.getConfig, ControlConstants.Verb.flush: 0x3
        default: 0xb
        }
    }
}
