"""
Compares what shoppers, orders, bank and shipments say, order by order.
"""
