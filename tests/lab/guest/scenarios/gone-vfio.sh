# The device is asked back from VFIO while its driver is in the middle of something: every wait for it ends.
for messages in "" --msi; do
    bind $FIRST vfio-pci
    # shellcheck disable=SC2086
    run_guest gone --vfio $FIRST $messages
    said="${said:-}${said:+; }$figures${messages:+ with MSI}"
done
pass "$said"
