# A million completions of a network card, none lost: 500,000 frames are sent, and received.
bind $CARD vfio-pci
run_card e1000e --vfio $CARD --frames 500000
few_interrupts
pass "$card_said"
