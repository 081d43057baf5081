# A device that reads and writes memory is asked back from VFIO while commands are under way on all its vectors.
for locks in separate shared; do
    for way in unbind remove; do
        bind $DISK vfio-pci
        remove_at_work $way $DISK nvme --vfio $DISK --overwrite --blocks 16384 --depth 8 --locks $locks
        [ $way = unbind ] || echo 1 >/sys/bus/pci/rescan
        said="${said:-}$way, locks $locks: nvme ended after $ended_in ms, the removal after $removed_in ms; "
    done
done
bind $DISK vfio-pci
run_nvme $DISK 3 256
pass "${said}works again"
