# A device that asserts its line while VFIO has it open and nobody is connected: no storm for the other driver on the line.
bind $FIRST vfio-pci
bind $SECOND uio_pci_generic
before=$(kernel_count uio_pci_generic)
run_guest unheard --vfio $FIRST
kernel=$(($(kernel_count uio_pci_generic) - before))
[ $kernel -le 10 ] || fail "$kernel interrupts for 3 assertions: a storm on the line"
pass "$figures; kernel $kernel"
