# A device is opened by its own character device where the kernel has one; by its group where that or iommufd is missing; and where
# neither can be had, the error says why not, for both. What is served is counted exactly by either way.
group=/dev/vfio/$(basename "$(readlink "$(device $FIRST)/iommu_group")")
bind $FIRST vfio-pci

# opened_by WAY
opened_by() {
    run_guest way --vfio $FIRST
    [ "$figures" = "$1" ] || fail "'$figures' instead of '$1'"
}
# served_exactly
served_exactly() {
    count_interrupts
    run_edu account --vfio $FIRST --msi --requests 2000
    kernel=$(trace_count "vfio-msi[0]($FIRST)")
    [ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
    run_edu account --vfio $FIRST --requests 2000
}
instead='by its IOMMU group, because not by its character device: opening'

opened_by 'by its character device'
served_exactly
cdev=/dev/vfio/devices/$(ls "$(device $FIRST)/vfio-dev")
mv /dev/iommu /dev/iommu.away
opened_by "$instead /dev/iommu, which the kernel's module iommufd provides: openat: No such file or directory (os error 2)"
served_exactly
mv "$group" "$group.away"
lab_guest way --vfio $FIRST >/tmp/run/guest 2>&1
status=$?
mv "$group.away" "$group"
mv /dev/iommu.away /dev/iommu
cat /tmp/run/guest
[ $status = 2 ] || fail "neither way can be had, and the status is $status: $(cat /tmp/run/guest)"
complains /tmp/run/guest "$FIRST: .*by its character device: opening /dev/iommu.*(os error 2); by its IOMMU group: opening $group,.*(os error 2)"
mv "$cdev" "$cdev.away"
opened_by "$instead $cdev, which Linux since 6.6 (its option VFIO_DEVICE_CDEV) provides: openat: No such file or directory (os error 2)"
mv "$cdev.away" "$cdev"
opened_by 'by its character device'

# Of a group one device at a time: the sentence says so.
bind $BRIDGED vfio-pci
bind $NEIGHBOUR vfio-pci
edu --vfio $NEIGHBOUR --requests 100000000 >/tmp/run/holder 2>&1 &
holder=$!
within 20 at_work $holder vfio || fail "no interrupts: $(cat /tmp/run/holder)"
lab_guest way --vfio $BRIDGED 2>/tmp/run/complaint
complains /tmp/run/complaint 'another program may have a device of its IOMMU group.*Operation not permitted'
! ended $holder || fail "the program on the device beside it ended: $(cat /tmp/run/holder)"
kill $holder
wait $holder
opened_by 'by its character device'
pass "by its character device, and by its group without iommufd: 2000 requests each by line and by message, counts as the kernel's; both causes told"
