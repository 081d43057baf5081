# The controller's line instead of message vectors: it stays masked while there is work, so many completions take one interrupt.
bind $DISK vfio-pci
run_nvme_line 4096
pass "$nvme_said"
