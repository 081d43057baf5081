# Controllers that the example can't drive: it says why, before the device reaches for memory that it wasn't given.
# refused DEVICE WORDS
refused() {
    bind "$1" vfio-pci
    nvme --vfio "$1" --overwrite >/tmp/run/nvme 2>/tmp/run/complaint
    status=$?
    cat /tmp/run/nvme /tmp/run/complaint
    [ $status = 2 ] || fail "nvme on $1 ended with status $status, not 2: $(cat /tmp/run/complaint)"
    complains /tmp/run/complaint "$2"
}
refused $EMPTY 'no first namespace'
refused $MARKED metadata
refused $NARROW '1 of 2 pairs of I/O queues'
bind $DISK vfio-pci
run_nvme $DISK 3 256
pass "no namespace, metadata and too few queues are told; another works"
