"""The engine on a web page: uploads in, jobs in processes of their own, masks and maps out."""
