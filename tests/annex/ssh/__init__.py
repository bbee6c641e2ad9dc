"""The SSH transports against a real sshd."""
