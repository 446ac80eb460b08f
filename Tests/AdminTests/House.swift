import Testing
import Admin
