# A network card that sends frames of all sizes to itself, through rings in memory, with interrupts off while there is work.
bind $CARD vfio-pci
run_card e1000e --vfio $CARD --frames 20000
few_interrupts
pass "$card_said"
