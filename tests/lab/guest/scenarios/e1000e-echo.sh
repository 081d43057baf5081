# A network card and a peer, which answers one ARP request and echoes of all sizes.
bind $CARD vfio-pci
run_card lab_card echo --vfio $CARD 1500
[ $frames = 1501 ] || fail "1501 questions, $frames answers"
pass "$card_said"
