public import LVS
import Wire

/// Writes what `-S` prints and `-R` reads: one `-A` line for each service, one `-a` line for each of its servers.
///
/// Thresholds are not saved, as in ipvsadm. Options that ipvsadm does not have follow the ones it has.
public enum SaveFormat {
    public static func text(of inventory: Inventory, numeric: Bool, names: some NameResolver) -> String {
        let naming = Naming(names: names, numeric: numeric)
        var text = ""
        for service in ListingOrder.services(inventory.services) {
            let name = self.name(of: service.key, naming)
            text += "-A \(name)\(service.settings.saved(service.key.family))\n"
            for server in ListingOrder.servers(service.servers) {
                let key = server.key
                let real = naming.name(key.address, key.address.family, key.port, proto: service.key.proto)
                text += "-a \(name) -r \(real)\(server.settings.saved(service.key.family))\n"
            }
        }
        return text
    }

    static func name(of key: ServiceKey, _ naming: Naming<some NameResolver>) -> String {
        guard key.mark == 0 else {
            return "-f \(Int32(truncatingIfNeeded: key.mark))" + (key.family == .v6 ? " -6" : "")
        }
        return GrammarOption.addressWord(of: key.proto) + " " + naming.name(of: key)
    }
}
