# A network card whose power and whose interrupts go off and on while frames are under way: nothing is lost, nothing is damaged.
bind $CARD vfio-pci
run_card lab_card cycles --vfio $CARD 20000 50
# The link signals once for each time that the power comes.
[ "${messages##* }" = 26 ] || fail "powered up 26 times, but the link has signalled ${messages##* } times"
pass "$card_said"
