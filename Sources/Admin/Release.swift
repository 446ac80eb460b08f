/// Which SVS this is.
public enum Release {
    public static var version: String { "0.1.0" }
}
