internal import CLinux

/// The processors of this machine that this process may run on.
public enum Processors {
    public static var count: Int { Int(svs_processor_count()) }

    public static func contain(_ processor: Int) -> Bool { svs_may_run_on(Int32(clamping: processor)) != 0 }
}
