import Testing
import Links
