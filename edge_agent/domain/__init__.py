"""The rules of the floor: values and time in, values out; no I/O, no clock, no library."""
