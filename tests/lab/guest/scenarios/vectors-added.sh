# Message vectors are added to a controller's set while it works. The counts of each that works are the kernel's, exactly.
bind $DISK vfio-pci
count_interrupts
lab_nvme $DISK >/tmp/run/nvme 2>&1 || fail "lab_nvme: $(tail -n 1 /tmp/run/nvme)"
cat /tmp/run/nvme
said=
for vector in 0 1 33 64; do
    ours=$(awk -v vector="$vector" '$1 == "vector" && $2 == vector { print $4 }' /tmp/run/nvme)
    kernel=$(trace_count "vfio-msix[$vector]($DISK)")
    [ "$ours" ] && [ "$ours" -gt 0 ] && [ "$ours" = "$kernel" ] || fail "vector $vector: '$ours' messages, but the kernel counted $kernel"
    said="$said${said:+, }$ours"
done
pass "$(tail -n 1 /tmp/run/nvme); $said messages on vectors 0, 1, 33 and 64, as the kernel counted"
