# VFIO resets a device between its interrupts, which go on after it. One that can't be reset says so, and works on.
bind $LONE vfio-pci
run_guest reset --vfio $LONE
said=$figures
run_guest reset --vfio $LONE --msi
echo "$said, $figures" | grep -q '^reset.*, reset' || fail "$LONE was not reset: $said, $figures"
said="line: $said; MSI: $figures"
bind $FIRST vfio-pci
run_guest reset --vfio $FIRST
echo "$figures" | grep -q "^edu: .*it can't be reset;" || fail "$FIRST, which can't be reset: $figures"
pass "$said; $figures"
