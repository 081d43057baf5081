# The device is asked back from VFIO while a program is at work with it. The removal waits until the program has let go of it.
for messages in "" --msi; do
    for way in unbind remove; do
        bind $FIRST vfio-pci
        # shellcheck disable=SC2086
        remove_at_work $way $FIRST edu --vfio $FIRST $messages --requests 100000000
        [ $way = unbind ] || echo 1 >/sys/bus/pci/rescan
        bind $FIRST vfio-pci
        # shellcheck disable=SC2086
        run_edu again --vfio $FIRST $messages --requests 1000
        said="${said:-}$way${messages:+ with MSI}: edu ended after $ended_in ms, the removal after $removed_in ms; "
    done
done
pass "${said}works again"
