# Three message vectors of one device, each with a lock of its own: one command at a time, and many.
bind $DISK vfio-pci
run_nvme $DISK 3 256 --locks separate --depth 1
run_nvme $DISK 3 1024 --locks separate --depth 32
pass "$nvme_said"
