# Disable and enable under load, messages through VFIO.
bind $FIRST vfio-pci
count_interrupts
run_guest cycles --vfio $FIRST --msi
kernel=$(trace_count "vfio-msi[0]($FIRST)")
read_account /tmp/run/guest cycles
[ $delivered -ge 20000 ] || fail "only $delivered interrupts"
[ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$figures; kernel $kernel"
