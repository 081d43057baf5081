# A supervisor takes a device from its group, and passes it and the container to a driver that runs as nobody: its line, its message and its
# DMA; then to another, from which the device is asked back.
bind $FIRST vfio-pci
run_guest supervise-group --vfio $FIRST
pass "$figures"
