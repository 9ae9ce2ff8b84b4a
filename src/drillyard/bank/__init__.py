"""
The payment gateway: a third party, Stripe-shaped, with a ledger of its own. The truth about money.
"""
