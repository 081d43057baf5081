# What an operator gets wrong: one sentence, exit status 2, and afterwards the same device works.

# refuses WORD ARGUMENT...
refuses() {
    word=$1
    shift
    timeout 10 su -s /bin/edu ${user:-root} -- "$@" >/tmp/run/refused.out 2>/tmp/run/refused
    status=$?
    echo "edu $*: status $status: $(cat /tmp/run/refused)"
    [ $status = 2 ] || fail "edu $* ended with status $status, not 2: $(cat /tmp/run/refused)"
    complains /tmp/run/refused "$word"
    cases=$((${cases:-0} + 1))
}

refuses 0000:00:1e.7 --vfio 0000:00:1e.7                # no such device
refuses nonsense --vfio nonsense                        # no such name
refuses "$FIRST" --vfio $FIRST                          # without a driver
refuses /dev/uio9 --uio /dev/uio9                       # no such file
refuses /dev/null --uio /dev/null                       # not a UIO device

bind $FIRST uio_pci_generic
refuses uio_pci_generic --vfio $FIRST                   # bound to another driver; the sentence names it
user=nobody
refuses permission --uio "$(uio_of $FIRST)"             # not allowed
user=root

# Another program is at work with it, and stays so.
edu --uio "$(uio_of $FIRST)" --requests 100000000 >/tmp/run/holder 2>&1 &
holder=$!
within 20 at_work $holder uio_pci_generic || fail "no interrupts: $(cat /tmp/run/holder)"
refuses "/dev/uio.*in use" --uio "$(uio_of $FIRST)"
! ended $holder || fail "the program that has the device ended: $(cat /tmp/run/holder)"
kill $holder
wait $holder
run_edu first --uio "$(uio_of $FIRST)" --requests 1000

bind $STRANGER vfio-pci
refuses edu --vfio $STRANGER                            # not an edu device

# Half a group: the sentence names the device that is missing.
bind $BRIDGED vfio-pci
bind $NEIGHBOUR uio_pci_generic
refuses $NEIGHBOUR --vfio $BRIDGED
release $NEIGHBOUR
bind $NEIGHBOUR vfio-pci
run_edu bridged --vfio $BRIDGED --requests 1000

# Somebody else has the device.
edu --vfio $BRIDGED --requests 100000000 >/tmp/run/holder 2>&1 &
holder=$!
sleep 1
refuses "busy\|in use" --vfio $BRIDGED
kill $holder
wait $holder
run_edu after --vfio $BRIDGED --requests 1000

pass "$cases mistakes, each refused in one sentence; the devices work afterwards"
