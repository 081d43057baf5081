# A kernel that can't add message vectors to a set in use: the library says so and what to do, and the set works on.
bind $DISK vfio-pci
lab_nvme $DISK >/tmp/run/nvme 2>/tmp/run/complaint
status=$?
cat /tmp/run/nvme /tmp/run/complaint
[ $status = 2 ] || fail "lab_nvme ended with status $status, not 2"
complains /tmp/run/complaint "$DISK: .*this kernel can't add MSI-X vectors .*allocate a larger"
pass "$(cat /tmp/run/complaint)"
