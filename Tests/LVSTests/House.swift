import Testing
import LVS
