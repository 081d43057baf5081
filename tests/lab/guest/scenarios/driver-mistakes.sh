# What a driver can ask of VFIO and not get: a vector beyond the device's, one interrupt twice, more memory than may be locked, more
# descriptors than may be open. As a user without rights, because root may lock what it likes. By the device's character device, too, where
# the kernel has one.
bind $FIRST vfio-pci
mistakes() {
    su -s /bin/lab_guest nobody -- mistakes --vfio $FIRST >/tmp/run/guest 2>&1 || fail "lab_guest: $(tail -n 1 /tmp/run/guest)"
    cat /tmp/run/guest
    said="${said:-}${said:+; }$1: $(tail -n 1 /tmp/run/guest)"
}
chown nobody "/dev/vfio/$(basename "$(readlink "$(device $FIRST)/iommu_group")")"
mistakes "by its group"
cdev=/dev/vfio/devices/$(ls "$(device $FIRST)/vfio-dev")
if [ -e "$cdev" ]; then
    chown nobody "$cdev" /dev/iommu
    mistakes "by its character device"
    chown root /dev/iommu
fi
run_edu after --vfio $FIRST --requests 1000
pass "$said; the device works afterwards"
