"""The devices: one module, one row and one test each; imported only when configured."""

from typing import Final

KINDS: Final = {
    "serial-scanner": ("drivers.serial_scanner", "SerialScanner"),
    "simulated-scanner": ("drivers.simulated", "SimulatedScanner"),
}
"""`kind` in a configuration -> (module, class). The class has `Keys`, the dataclass of its keys."""
