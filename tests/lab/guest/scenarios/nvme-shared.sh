# Three message vectors of one device, behind one lock: one command at a time, and many.
bind $DISK vfio-pci
run_nvme $DISK 3 256 --locks shared --depth 1
run_nvme $DISK 3 1024 --locks shared --depth 32
pass "$nvme_said"
