# A network card is asked back from VFIO while frames are under way, and while its peer answers. Its memory accesses have ended by then.
enough=100 # one serves many frames
for way in unbind remove; do
    bind $CARD vfio-pci
    remove_at_work $way $CARD e1000e --vfio $CARD --frames 4000000000
    said="${said:-}$way: ended after $ended_in ms, the removal after $removed_in ms; "
    [ $way = unbind ] || echo 1 >/sys/bus/pci/rescan
    bind $CARD vfio-pci
    remove_at_work $way $CARD lab_card echo --vfio $CARD 4000000000
    [ $way = unbind ] || echo 1 >/sys/bus/pci/rescan
done
bind $CARD vfio-pci
run_card e1000e --vfio $CARD --frames 2000
pass "${said}works again"
