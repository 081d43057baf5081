# A device that has fewer message vectors than were asked for: the driver goes on with those, and two pairs of queues share the last.
bind $FEW vfio-pci
run_nvme $FEW 2 512 --locks separate
run_nvme $FEW 2 512 --locks shared
pass "$nvme_said"
