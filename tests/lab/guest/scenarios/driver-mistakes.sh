# What a driver can ask of VFIO and not get: a vector beyond the device's, one interrupt twice, more memory than may be locked, more
# descriptors than may be open. As a user without rights, because root may lock what it likes.
bind $FIRST vfio-pci
chown nobody "/dev/vfio/$(basename "$(readlink "$(device $FIRST)/iommu_group")")"
su -s /bin/lab_guest nobody -- mistakes --vfio $FIRST >/tmp/run/guest 2>&1 || fail "lab_guest: $(tail -n 1 /tmp/run/guest)"
cat /tmp/run/guest
said=$(tail -n 1 /tmp/run/guest)
run_edu after --vfio $FIRST --requests 1000
pass "$said; the device works afterwards"
