# A device that asserts its line already when a driver connects is served all the same.
for driver in uio_pci_generic vfio-pci; do
    bind $FIRST uio_pci_generic # so that its registers can be reached
    release $FIRST
    register $FIRST 0x60 2
    [ "$(register $FIRST 0x24)" = 0x00000002 ] || fail "the device does not assert its line: $(register $FIRST 0x24)"
    bind $FIRST $driver
    case $driver in
        uio_pci_generic) run_edu account --uio "$(uio_of $FIRST)" --requests 1000 ;;
        vfio-pci) run_edu account --vfio $FIRST --requests 1000 ;;
    esac
    said="${said:-}$driver: $delivered delivered, $spurious spurious; "
    release $FIRST
done
pass "${said}1000 requests each"
