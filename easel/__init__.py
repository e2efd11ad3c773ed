"""The program: command line and wiring; the only folder that knows every other one."""
