"""What goes over the wire, both directions: topic names, payload bytes, commands, their schemas."""
