"""Planning a sandbox: what is to be done, as data, without doing any of it. `holdfast.sandbox.linux` does it."""
