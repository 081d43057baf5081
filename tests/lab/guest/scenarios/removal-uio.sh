# The device is taken away while a program is at work with it through UIO: the program ends by itself and says why.
for way in unbind remove; do
    bind $FIRST uio_pci_generic
    remove_at_work $way $FIRST edu --uio "$(uio_of $FIRST)" --requests 100000000
    [ $way = unbind ] || echo 1 >/sys/bus/pci/rescan
    bind $FIRST uio_pci_generic
    run_edu again --uio "$(uio_of $FIRST)" --requests 1000
    said="${said:-}$way: edu ended after $ended_in ms, the removal after $removed_in ms; "
done
pass "${said}works again"
