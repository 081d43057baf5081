# A device is opened by its group where the kernel has no character device for it, and the library says so.
bind $FIRST vfio-pci
run_guest way --vfio $FIRST
echo "$figures" | grep -q '^by its IOMMU group, because not by its character device: opening /dev/vfio/devices/vfio0,.*(os error 2)$' || fail "$figures"
pass "$figures"
