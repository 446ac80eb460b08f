import Testing
import Host
