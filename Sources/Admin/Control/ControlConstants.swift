/// The numbers of the control protocol: the kernel's generic netlink family `IPVS` (linux/ip_vs.h) and, apart from
/// them, ours.
///
/// Ours are commands from 64 on and attributes from 0x100 on, at every level of nesting. Clients that know only the
/// kernel's numbers skip them (libnl drops attribute types above the greatest it was asked for); a request without
/// them leaves what they describe as it is.
public enum ControlConstants {
    public static var familyName: String { "IPVS" }
    /// Constant, and above 1023, the greatest id that the kernel gives away.
    public static var family: UInt16 { 0x5653 }
    public static var familyVersion: UInt32 { 1 }
    /// Version 1.2.1 as GET_INFO says it.
    public static var version: UInt32 { 0x01_02_01 }
    /// Bytes of a packet to a client that may read with a page of 4096 bytes only.
    public static var packetLength: Int { 3700 }
    /// Bytes of a packet that only our own client gets.
    public static var ownPacketLength: Int { 16384 }
    /// Longest request that is read.
    public static var requestLength: Int { 131_072 }
    /// Most ranges of ports, or of local addresses, that a service can carry over this interface.
    public static var maximumRanges: Int { 1024 }

    /// IPVS_CMD_*; from 64 on our own.
    public enum Verb {
        public static var newService: UInt8 { 1 }
        public static var setService: UInt8 { 2 }
        public static var deleteService: UInt8 { 3 }
        public static var getService: UInt8 { 4 }
        public static var newServer: UInt8 { 5 }
        public static var setServer: UInt8 { 6 }
        public static var deleteServer: UInt8 { 7 }
        public static var getServer: UInt8 { 8 }
        public static var newDaemon: UInt8 { 9 }
        public static var deleteDaemon: UInt8 { 10 }
        public static var getDaemon: UInt8 { 11 }
        public static var setConfig: UInt8 { 12 }
        public static var getConfig: UInt8 { 13 }
        public static var setInfo: UInt8 { 14 }
        public static var getInfo: UInt8 { 15 }
        public static var zero: UInt8 { 16 }
        public static var flush: UInt8 { 17 }

        /// Dump of everything at one moment: SET_INFO with a total, SET_CONFIG, a NEW_DAEMON each, then each service as
        /// NEW_SERVICE followed by its servers as NEW_DEST. With SERVICE only that one; ESRCH when there is none.
        public static var getInventory: UInt8 { 64 }
        /// Dump of the connection table as `connection` messages.
        public static var getConnections: UInt8 { 65 }
        public static var connection: UInt8 { 66 }
        /// A file of /proc by name (`file`); the answer comes as `answer` messages, pieces in order, then DONE.
        public static var readFile: UInt8 { 67 }
        public static var answer: UInt8 { 68 }
        /// A `ControlQuestion` (`payload`), answered likewise by a `ControlReply`.
        public static var ask: UInt8 { 69 }
    }

    /// IPVS_CMD_ATTR_*.
    public enum Top {
        public static var service: UInt16 { 1 }
        public static var server: UInt16 { 2 }
        public static var daemon: UInt16 { 3 }
        public static var timeoutTCP: UInt16 { 4 }
        public static var timeoutFIN: UInt16 { 5 }
        public static var timeoutUDP: UInt16 { 6 }

        /// In SET_INFO: the director's own counters, laid out as STATS64.
        public static var total: UInt16 { 0x100 }
        public static var connection: UInt16 { 0x101 }
        public static var file: UInt16 { 0x102 }
        public static var payload: UInt16 { 0x103 }
    }

    /// IPVS_INFO_ATTR_*, on the top level of SET_INFO.
    public enum Info {
        public static var version: UInt16 { 1 }
        public static var tableSize: UInt16 { 2 }
    }

    /// IPVS_SVC_ATTR_*.
    public enum Service {
        public static var family: UInt16 { 1 }
        public static var proto: UInt16 { 2 }
        public static var address: UInt16 { 3 }
        public static var port: UInt16 { 4 }
        public static var mark: UInt16 { 5 }
        public static var scheduler: UInt16 { 6 }
        public static var flags: UInt16 { 7 }
        public static var timeout: UInt16 { 8 }
        public static var netmask: UInt16 { 9 }
        public static var statistics: UInt16 { 10 }
        public static var persistenceEngine: UInt16 { 11 }
        public static var statistics64: UInt16 { 12 }

        /// {be16 first, be16 last} each; the first range begins with PORT. Part of the service's
        /// identity; empty for a single port, missing from a client that knows no ranges.
        public static var portRanges: UInt16 { 0x100 }
        // From 0x101 on: settings that only SVS has (`ServiceSettings.ownSettings`).
    }

    /// IPVS_DEST_ATTR_*.
    public enum Server {
        public static var address: UInt16 { 1 }
        public static var port: UInt16 { 2 }
        public static var method: UInt16 { 3 }
        public static var weight: UInt16 { 4 }
        public static var upperThreshold: UInt16 { 5 }
        public static var lowerThreshold: UInt16 { 6 }
        public static var active: UInt16 { 7 }
        public static var inactive: UInt16 { 8 }
        public static var persistent: UInt16 { 9 }
        public static var statistics: UInt16 { 10 }
        public static var family: UInt16 { 11 }
        public static var statistics64: UInt16 { 12 }
        public static var tunnel: UInt16 { 13 }
        public static var tunnelPort: UInt16 { 14 }
        public static var tunnelFlags: UInt16 { 15 }
        // From 0x100 on: settings that only SVS has (`ServerSettings.ownSettings`).
    }

    /// IPVS_DAEMON_ATTR_*.
    public enum Daemon {
        public static var state: UInt16 { 1 }
        public static var interface: UInt16 { 2 }
        public static var syncID: UInt16 { 3 }
        public static var maximumLength: UInt16 { 4 }
        public static var group: UInt16 { 5 }
        public static var group6: UInt16 { 6 }
        public static var port: UInt16 { 7 }
        public static var timeToLive: UInt16 { 8 }
    }

    /// Inside `Top.connection`; a connection is never described by the kernel's interface.
    public enum Connection {
        public static var proto: UInt16 { 0x100 }
        /// {16 bytes address, IPv4 as ::ffff:a.b.c.d, be16 port}.
        public static var client: UInt16 { 0x101 }
        public static var virtual: UInt16 { 0x102 }
        public static var server: UInt16 { 0x103 }
        public static var state: UInt16 { 0x104 }
        public static var expires: UInt16 { 0x105 }
        /// Present on templates, without a value.
        public static var template: UInt16 { 0x106 }
        public static var persistenceEngine: UInt16 { 0x107 }
        public static var persistenceData: UInt16 { 0x108 }
        /// Present on what a master told of, without a value.
        public static var synchronised: UInt16 { 0x109 }
    }
}
