# A supervisor opens a device's character device and an iommufd, and passes both to a driver that runs as nobody: its line, its message and
# its DMA; then to another, from which the device is asked back.
bind $FIRST vfio-pci
run_guest supervise-cdev --vfio $FIRST
pass "$figures"
