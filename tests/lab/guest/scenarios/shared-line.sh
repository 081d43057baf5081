# Two devices on one line, both through VFIO, both under load.
bind $FIRST vfio-pci
bind $SECOND vfio-pci
share_line --vfio $FIRST -- --vfio $SECOND
