"""One GPIO line that is driven: claimed, energised or not, and given back.

Rules:
1. A line begins as it is asked to be, and is left de-energised.
2. Whatever goes wrong with it is `Trouble`: what is wrong, and what to do about it.
3. Levels are only ever written: no thread of the GPIO library is used.

When the process dies without a word (`kill -9`, a crash) the kernel takes its lines back. What
becomes of the level then is the kernel's: one of Raspberry Pi OS leaves an output as it was, others
make it an input, and so does that of Raspberry Pi OS with `dtparam=strict_gpiod`. Whoever needs a
level must not rely on either: `edge-agent safe-outputs` de-energises the lines after the process,
and the wiring (a pull resistor, a relay that drops out) does it after the power.
"""

from drivers.gpio_pins import GpioLine, explained, faults
from drivers.reopening import Trouble


class DrivenLine(GpioLine):
    """A line that is driven; `active_high` says which level energises it."""

    def __init__(self, name: str, *, active_high: bool) -> None:
        super().__init__(name)
        self.on = False
        self._active_high = active_high

    @property
    def held(self) -> bool:
        """Say whether the line is ours."""
        return self._pin is not None

    def claim(self, *, on: bool) -> None:
        """Make the line an output at this level; raises `Trouble` when it cannot be had."""
        self._take(lambda pin: pin.output_with_state(on is self._active_high))
        self.on = on

    def drive(self, *, on: bool) -> bool:
        """Energise the line or not; says whether that is a change; raises `Trouble`."""
        if on is self.on:
            return False
        try:
            self._pin.state = on is self._active_high
        except faults() as error:
            self._give_back()
            raise explained(self.name, error) from error
        self.on = on
        return True

    def let_go(self) -> None:
        """De-energise the line and give it back; if it does not answer, as it is."""
        if self._pin is not None:
            try:
                self.drive(on=False)
            except Trouble:
                return
            self._give_back()

    def _give_back(self) -> None:
        self.on = False
        super()._give_back()
